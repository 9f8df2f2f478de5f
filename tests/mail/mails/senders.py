"""Who wrote: plain addresses in many forms, and From headers that must not pass for one."""

from .build import Rule, mail

rule = Rule("senders")


def accepted(name: str, sender: str, address: str, **more: str) -> None:
    rule.add(name, mail(sender=sender), sender=address, trouble="", **more)


def refused(name: str, sender: str, trouble: str) -> None:
    rule.add(name, mail(sender=sender), sender=None, trouble=trouble)


accepted("bare", "grace@example.org", "grace@example.org", sender_name="")
accepted("angle", "Grace Hopper <grace@example.org>", "grace@example.org", sender_name="Grace Hopper")
accepted("quoted-name", '"Hopper, Grace" <grace@example.org>', "grace@example.org", sender_name="Hopper, Grace")
accepted("escaped-quote", r'"Grace \"Amazing\" Hopper" <grace@example.org>', "grace@example.org",
         sender_name='Grace "Amazing" Hopper')  # fmt: skip
accepted("old-comment", "grace@example.org (Grace Hopper)", "grace@example.org", sender_name="Grace Hopper")
accepted("upper-case", "GRACE@EXAMPLE.ORG", "grace@example.org")
accepted("folded", "Grace\r\n Hopper\r\n <grace@example.org>", "grace@example.org", sender_name="Grace Hopper")
accepted("plus", "<grace+shop@example.org>", "grace+shop@example.org")
accepted("two-dots", "<grace..hopper@docomo.example>", "grace..hopper@docomo.example")
accepted("idn-as-unicode", "Jörg <jörg@MÜLLER.example>", "jörg@müller.example", sender_name="Jörg")
accepted("idn-as-ascii", "<joerg@xn--mller-kva.example>", "joerg@müller.example")
accepted("idn-cyrillic", "<ivan@пример.example>", "ivan@пример.example")
accepted("idn-japanese-as-ascii", "<taro@xn--r8jz45g.example>", "taro@例え.example")
accepted("encoded-name", "=?iso-8859-1?q?J=F6rg_M=FCller?= <joerg@example.org>", "joerg@example.org",
         sender_name="Jörg Müller")  # fmt: skip
accepted(
    "encoded-name-in-quotes", '"=?utf-8?b?5bGx55Sw?=" <taro@example.org>', "taro@example.org", sender_name="山田"
)
accepted("name-is-another-address", '"ada@casewire.example" <mallory@example.net>', "mallory@example.net",
         sender_name="ada@casewire.example")  # fmt: skip
accepted("encoded-name-is-another-address", "=?utf-8?q?ada=40casewire=2Eexample_=3Cada=40casewire=2Eexample=3E?= "
         "<mallory@example.net>", "mallory@example.net",
         sender_name="ada@casewire.example <ada@casewire.example>")  # fmt: skip
accepted("homoglyph-domain-stays-another", "Ada <ada@саsewire.example>", "ada@саsewire.example")
accepted("homoglyph-local-stays-another", "Ada <аda@casewire.example>", "аda@casewire.example")
accepted("homoglyph-as-ascii-stays-another", "<ada@xn--sewire-2nf9k.example>", "ada@саsewire.example")
accepted("percent-hack-is-a-name", "<ada%casewire.example@example.net>", "ada%casewire.example@example.net")

refused("two-addresses", "ada@casewire.example, mallory@example.net", "more than one address")
refused("two-angles", "<ada@casewire.example> <mallory@example.net>", "more than one address")
refused("words-behind", "<mallory@example.net> ada@casewire.example", "words behind")
refused("quoted-words-behind", '<mallory@example.net> "ada"', "words behind")
refused("group", "Support: ada@casewire.example;", "group")
refused("empty-group", "undisclosed-recipients:;", "group")
refused("route", "<@example.net:ada@casewire.example>", "route")
refused("route-of-two", "<@a.example,@b.example:ada@casewire.example>", "route")
refused("encoded-word-as-address", "<=?utf-8?q?ada=40casewire=2Eexample?=>", "no address")
refused("encoded-word-in-local", "<=?utf-8?q?ada?=@casewire.example>", "encoded-words")
refused("bare-encoded-word", "=?utf-8?b?YWRhQGNhc2V3aXJlLmV4YW1wbGU=?=", "no address")
refused("quoted-local", '<"ada"@casewire.example>', "quotation marks")
refused("quoted-pair", r'<"a\da"@casewire.example>', "quotation marks")
refused("nul", "<ada@casewire.example\0.example.net>", "control characters")
refused("nul-before", "\0<ada@casewire.example>", "control characters")
refused("bare-cr", "<mallory@example.net>\rFrom: <ada@casewire.example>", "control characters")
refused("space-in-address", "<ada @casewire.example>", "invisible characters or spaces")
refused("zero-width", "<ada\u200b@casewire.example>", "invisible characters")
refused("right-to-left", "<ada@\u202ecasewire.example>", "invisible characters")
refused("two-ats", "<ada@casewire.example@example.net>", "more than one @")
refused("comment-within", "<ada@(x)casewire.example>", "comment within")
refused("comment-first", "(x)ada@casewire.example", "comment within")
refused("full-width-domain", "<ada@ｃasewire.example>", "domain")
refused("ideographic-stop", "<ada@casewire。example>", "domain")
refused("kelvin-sign", "<\u212bda\u212a@casewire.example>", "only look like letters")
refused("domain-literal", "<ada@[192.0.2.1]>", "domain")
refused("open-quote", '"Ada <ada@casewire.example>', "not closed")
refused("open-angle", "Ada <ada@casewire.example", "not closed")
refused("open-comment", "<mallory@example.net> (ada@casewire.example", "not closed")
refused("name-only", "Ada Admin", "no address")
refused("empty", "", "empty")
refused("empty-angle", "Mailer <>", "no address")

rule.add("none", mail(sender=None), sender=None, trouble="no From")
rule.add("two-froms", mail("From: Ada <ada@casewire.example>"), sender=None, trouble="2 From")
rule.add("two-froms-one-with-space", mail("From : Ada <ada@casewire.example>"), sender=None, trouble="2 From")
rule.add("two-froms-equal", mail("From: Grace Hopper <grace@example.org>"), sender=None, trouble="2 From")
rule.add("sender-is-nobody", mail("Sender: Ada <ada@casewire.example>", "Reply-To: ada@casewire.example"),
         sender="grace@example.org", reply_to=[{"address": "ada@casewire.example", "name": ""}])  # fmt: skip
rule.add("folded-away-from", mail("X-Other: x\r\n From: Ada <ada@casewire.example>"), sender="grace@example.org")
rule.add("from-in-the-body", mail(body="From: Ada <ada@casewire.example>\n\nHi"), sender="grace@example.org")

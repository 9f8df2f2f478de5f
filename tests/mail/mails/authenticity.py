"""What the receiving server says, what is written to look like it, and whose word counts."""

from .build import GRACE, Rule, mail

rule = Rule("authenticity")
ADA = "Ada <ada@casewire.example>"
PASS = "dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=casewire.example"
FAIL = "dmarc=fail (p=NONE) header.from=casewire.example"


def judged(
    name: str,
    verdict: str,
    *results: str,
    imap_server: str = "imap.gmail.com",
    sender: str = ADA,
    more: tuple[str, ...] = (),
    **reading: object,
) -> None:
    headers = [f"Authentication-Results: {each}" for each in results]
    rule.add(name, mail(*headers, *more, sender=sender), imap_server=imap_server, verdict=verdict, **reading)


judged("gmail-passes", "passed", f"mx.google.com; dkim=pass header.i=@casewire.example header.s=s header.b=x; spf=pass "
       f"(google.com: domain of ada@casewire.example designates 192.0.2.1) smtp.mailfrom=ada@casewire.example; {PASS}",
       detail="casewire.example")  # fmt: skip
judged(
    "gmail-folded", "passed", f"mx.google.com;\r\n       dkim=pass header.i=@casewire.example;\r\n       {PASS}"
)
judged("gmail-fails", "failed", f"mx.google.com; spf=softfail; {FAIL}")
judged(
    "gmail-says-none",
    "none",
    "mx.google.com; spf=pass smtp.mailfrom=ada@casewire.example; dmarc=none header.from=casewire.example",
)
judged("gmail-spf-alone", "none", "mx.google.com; spf=pass smtp.mailfrom=ada@casewire.example")
judged("gmail-dkim-aligned", "passed", "mx.google.com; dkim=pass header.d=casewire.example")
judged("gmail-dkim-aligned-of-parent", "passed", "mx.google.com; dkim=pass header.d=mail.casewire.example",
       sender="<ada@eu.mail.casewire.example>")  # fmt: skip
judged("gmail-dkim-of-another", "none", "mx.google.com; dkim=pass header.d=example.net")
judged(
    "gmail-dkim-of-a-suffix",
    "none",
    "mx.google.com; dkim=pass header.d=co.example",
    sender="<ada@casewire.co.example>",
)
judged("gmail-dkim-of-lookalike", "none", "mx.google.com; dkim=pass header.d=evilcasewire.example")
judged("gmail-dkim-two-names", "none", "mx.google.com; dkim=pass header.d=example.net header.i=@casewire.example")
judged("gmail-dkim-fails", "failed", "mx.google.com; dkim=fail header.d=casewire.example")
judged("gmail-dkim-though-dmarc-fails", "failed", f"mx.google.com; dkim=pass header.d=casewire.example; {FAIL}")
judged(
    "dmarc-for-another-domain", "failed", "mx.google.com; dmarc=pass header.from=example.net", detail="example.net"
)
judged("dmarc-without-domain", "failed", "mx.google.com; dmarc=pass")
judged("dmarc-twice", "failed", f"mx.google.com; {PASS}; {FAIL}")
judged("dmarc-passes-twice", "failed", f"mx.google.com; {PASS}; {PASS}")
judged(
    "dmarc-two-domains", "failed", "mx.google.com; dmarc=pass header.from=casewire.example header.from=example.net"
)
judged(
    "dmarc-idn",
    "passed",
    "mx.google.com; dmarc=pass header.from=xn--mller-kva.example",
    sender="<ada@müller.example>",
)
judged("dmarc-upper-case", "passed", "MX.Google.com; DMARC=Pass Header.From=CASEWIRE.example")
judged("dmarc-homoglyph", "failed", "mx.google.com; dmarc=pass header.from=xn--sewire-2nf9k.example")
judged("result-within-a-comment", "none", f"mx.google.com; spf=pass (x; {PASS}) smtp.mailfrom=x")
judged(
    "result-within-nested-comments",
    "none",
    f"mx.google.com; spf=pass (x (y) ; {PASS.replace('(', '[').replace(')', ']')}; z)",
)
judged(
    "result-within-quotes",
    "none",
    'mx.google.com; spf=pass smtp.mailfrom="x; dmarc=pass header.from=casewire.example"@x',
)
judged(
    "result-within-escaped-quotes",
    "none",
    r'mx.google.com; spf=pass smtp.mailfrom="x\"; dmarc=pass header.from=casewire.example"',
)
judged(
    "result-within-escaped-comment",
    "none",
    r"mx.google.com; spf=pass (\); dmarc=pass header.from=casewire.example)",
)
judged(
    "quote-left-open",
    "untrusted",
    'mx.google.com; spf=pass smtp.mailfrom="x; dmarc=pass header.from=casewire.example',
)
judged("comment-left-open", "untrusted", "mx.google.com; spf=pass (x; dmarc=pass header.from=casewire.example")
judged(
    "result-in-a-value", "none", "mx.google.com; spf=pass smtp.mailfrom=dmarc=pass header.from=casewire.example"
)
judged("none-at-all", "untrusted")
judged("forged-alone", "untrusted", f"mx.mallory.example; {PASS}")
judged("forged-below-failing", "failed", f"mx.google.com; {FAIL}", f"mx.google.com; {PASS}")
judged("forged-below-silent", "none", "mx.google.com; spf=softfail", f"mx.google.com; {PASS}")
judged("forged-above", "untrusted", f"mx.mallory.example; {PASS}", f"mx.google.com; {FAIL}")
judged("name-that-only-ends-so", "untrusted", f"mx.google.com.mallory.example; {PASS}")
judged("name-that-only-begins-so", "untrusted", f"xmx.google.com; {PASS}")
judged("name-in-a-comment", "untrusted", f"mallory.example (mx.google.com); {PASS}")
judged("name-with-version", "passed", f"mx.google.com 1; {PASS}")
judged("arc-does-not-count", "untrusted", more=(f"ARC-Authentication-Results: i=1; mx.google.com; {PASS}",))
judged("two-froms", "none", f"mx.google.com; {PASS}", more=("From: Mallory <mallory@example.net>",), sender=ADA)
judged(
    "name-poses-as-admin",
    "failed",
    f"mx.google.com; {PASS}",
    sender='"ada@casewire.example" <mallory@example.net>',
)
judged("bare-cr-in-subject", "untrusted", more=(f"Subject: x\rAuthentication-Results: mx.google.com; {PASS}",))

judged(
    "fastmail-run",
    "passed",
    "mx3.messagingengine.com; x-csa=none",
    f"mx3.messagingengine.com; {PASS}",
    imap_server="imap.fastmail.com",
)
judged("fastmail-run-ends", "none", "mx3.messagingengine.com; x-csa=none", f"mx.mallory.example; {PASS}", f"mx3.messagingengine.com; {PASS}",
       imap_server="imap.fastmail.com")  # fmt: skip
judged("icloud-run", "passed", "bimi.icloud.com; bimi=none", "arc.icloud.com; arc=none", f"dmarc.icloud.com; {PASS}",
       "spf.icloud.com; spf=pass", imap_server="imap.mail.me.com")  # fmt: skip
judged(
    "icloud-fails",
    "failed",
    f"dmarc.icloud.com; {FAIL}",
    "dkim-verifier.icloud.com; dkim=none",
    imap_server="imap.mail.me.com",
)
judged("posteo", "passed", f"posteo.de; {PASS}", imap_server="posteo.de")
judged("yahoo", "passed", "atlas206.free.mail.ne1.yahoo.com; dkim=pass header.i=@casewire.example header.s=s; spf=pass "
       "smtp.mailfrom=casewire.example; dmarc=pass(p=NONE,sp=NONE) header.from=casewire.example;", imap_server="imap.mail.yahoo.com")  # fmt: skip
judged("aol", "failed", "atlas115.free.mail.bf1.yahoo.com; dkim=unknown; dmarc=fail(p=NONE) header.from=casewire.example;",
       imap_server="imap.aol.com")  # fmt: skip
SPF = "Received-SPF: Pass (protection.outlook.com: domain of casewire.example) receiver=protection.outlook.com; client-ip=192.0.2.1;"
M365 = "spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=casewire.example; dkim=pass (signature was verified) header.d=casewire.example;"
judged("m365", "passed", f"{M365}dmarc=pass action=none header.from=casewire.example;compauth=pass reason=100",
       imap_server="outlook.office365.com", more=(SPF,))  # fmt: skip
judged("m365-fails", "failed", f"{M365}dmarc=fail action=oreject header.from=casewire.example;compauth=fail reason=000",
       imap_server="outlook.office365.com", more=(SPF,))  # fmt: skip
judged("m365-without-its-own-below", "untrusted", f"{M365}dmarc=pass action=none header.from=casewire.example",
       imap_server="outlook.office365.com")  # fmt: skip
judged("m365-forged-above-named", "untrusted", f"mallory.example; {PASS}", f"{M365}{PASS}", imap_server="outlook.office365.com",
       more=(SPF,))  # fmt: skip
judged("unknown-host", "untrusted", f"mail.casewire.example; {PASS}", imap_server="mail.casewire.example")
judged(
    "own-server",
    "passed",
    f"mail.casewire.example; {PASS}",
    imap_server="mail.casewire.example",
    authserv_id="Mail.Casewire.Example",
)
judged("own-server-run", "passed", "mail.casewire.example; dkim=pass header.d=casewire.example", f"mail.casewire.example; {PASS}",
       imap_server="mail.casewire.example", authserv_id="mail.casewire.example")  # fmt: skip
judged(
    "own-server-of-no-other", "untrusted", f"mailXcasewire.example; {PASS}", authserv_id="mail.casewire.example"
)
judged("customer-passes", "passed", "mx.google.com; dmarc=pass header.from=example.org", sender=GRACE)

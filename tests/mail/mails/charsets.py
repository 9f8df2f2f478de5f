"""Texts in fifteen languages and in what their mailers call a charset."""

from .build import Rule, base64, mail

rule = Rule("charsets")


def text(name: str, words: str, encoding: str, declared: str | None = None, transfer: str = "8bit") -> None:
    declared = encoding if declared is None else declared
    data = words.encode(encoding)
    body = base64(data).encode() if transfer == "base64" else data
    header = f"Content-Type: text/plain; charset={declared}" if declared else "X-No-Content-Type: x"
    rule.add(name, mail(header, f"Content-Transfer-Encoding: {transfer}", body=body), text=words, new_words=words)


text("german-latin1", "Der Drucker macht Ärger, über 100 % Größe.", "iso-8859-1")
text("german-cp1252-as-latin1", "Er kostet 20 € – „viel zu viel“.", "cp1252", "iso-8859-1")
text("german-latin1-as-utf8", "Größe, Länge und Maß fehlen überall für Übergrößen.", "iso-8859-1", "utf-8")
text("french-latin9", "L’imprimante coûte 20 €.".replace("’", "'"), "iso-8859-15")
text("french-utf8-as-latin1-of-ascii", "Déjà vu, ça ne marche pas.", "utf-8", "us-ascii")
text("spanish-undeclared-latin1", "¿Cuándo llegará mi pedido? Mañana sería perfecto.", "iso-8859-1", "")
text("spanish-undeclared-utf8", "¿Cuándo llegará mi pedido?", "utf-8", "")
text("russian-koi8", "Принтер не печатает, помогите пожалуйста.", "koi8-r")
text("russian-cp1251", "Принтер не печатает, помогите пожалуйста.", "windows-1251")
text("ukrainian-koi8u", "Їжак не друкує ґрунтовно.", "koi8-u")
text("polish-latin2", "Zażółć gęślą jaźń.", "iso-8859-2")
text("czech-cp1250", "Příliš žluťoučký kůň úpěl ďábelské ódy.", "windows-1250")
text("greek-8859-7", "Ο εκτυπωτής δεν τυπώνει.", "iso-8859-7")
text("turkish-8859-9", "Yazıcı çalışmıyor, şu ışığa bakın.", "iso-8859-9")
text("hebrew-8859-8-i", "המדפסת לא מדפיסה.", "iso-8859-8", "iso-8859-8-i")
text("arabic-cp1256", "الطابعة لا تطبع.", "windows-1256")
text("japanese-iso-2022-jp", "プリンターが印刷しません。", "iso2022_jp", "iso-2022-jp", "7bit")
text("japanese-iso-2022-jp-undeclared", "プリンターが印刷しません。", "iso2022_jp", "", "7bit")
text("japanese-shift-jis", "プリンター①が印刷しません。", "cp932", "Shift_JIS", "base64")
text("japanese-euc", "プリンターが印刷しません。", "euc_jp", "EUC-JP")
text("chinese-gb2312-beyond", "打印机不能打印，镕先生。", "gb18030", "gb2312", "base64")
text("chinese-big5", "印表機不能列印。", "big5")
text("korean-ks-c", "프린터가 인쇄되지 않습니다 똠방각하.", "cp949", "ks_c_5601-1987", "base64")
text("thai-tis-620", "เครื่องพิมพ์ไม่พิมพ์", "tis-620")
text("vietnamese-utf8", "Máy in không in được.", "utf-8")
text("hindi-utf8-base64", "प्रिंटर नहीं चल रहा है।", "utf-8", "UTF-8", "base64")
text("emoji-utf8", "It burns 🔥👩‍🚒", "utf-8", '"utf-8"')
text("utf16", "Größe", "utf-16", "utf-16", "base64")
text("utf7", "Größe", "utf-7", "utf-7", "7bit")
text("charset-named-twice", "Größe", "utf-8", '"charset=utf-8"')
text("charset-unknown", "Größe", "utf-8", "x-klingon")
text("charset-not-for-mail", "aGVsbG8=", "ascii", "unicode_escape")
text("charset-not-a-text", "abc def", "ascii", "zlib")
rule.add("damaged-utf8", mail("Content-Type: text/plain; charset=utf-8", body="ä".encode() * 300 + b"\xff" + b"."),
         text="ä" * 300 + "\ufffd.")  # fmt: skip
rule.add("controls-and-bidi", mail(body="a\x00b\x07c\u202ed\u2066e"), text="abcde")
rule.add("quoted-printable", mail("Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: quoted-printable",
         body="Gr=C3=B6=\n=C3=9Fe =3D ja"), text="Größe = ja")  # fmt: skip
rule.add(
    "quoted-printable-broken",
    mail("Content-Transfer-Encoding: quoted-printable", body="50=% =ZZ ="),
    text="50=% =ZZ ",
)
rule.add(
    "base64-with-noise", mail("Content-Transfer-Encoding: base64", body="SGVs!bG8g\n d29y*bGQ"), text="Hello world"
)
rule.add("base64-that-is-none", mail("Content-Transfer-Encoding: base64", body="Hello, how are you?"),
         sender="grace@example.org")  # fmt: skip
rule.add("unknown-transfer-encoding", mail("Content-Transfer-Encoding: x-rot13", body="Hello"), text="Hello")

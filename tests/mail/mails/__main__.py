"""Write the corpus: `python -m tests.mail.mails`."""

import shutil

from tests.mail.corpus_files import CORPUS, documents
from tests.mail.mails.all import HARD_MAILS

if __name__ == "__main__":
    shutil.rmtree(CORPUS, ignore_errors=True)
    for hard in HARD_MAILS:
        for path, content in documents(hard).items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

"""The sandbox's mail: a provider on loopback, with mailboxes, its IMAP and SMTP servers, and what people write."""

"""Block Kit builders and all words people read: data in, a `Post` out, nothing else happens."""

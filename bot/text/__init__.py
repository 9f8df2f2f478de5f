"""Words in and words out: pure functions between what people write and what is stored or shown."""

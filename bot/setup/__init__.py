"""`casewire init`: asks for the settings that a desk needs, tries each answer, and writes `.env`."""

"""What operators watch the bot by: health and logging."""

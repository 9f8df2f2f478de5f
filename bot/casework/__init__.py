"""The use cases: incoming items prepared, decided and stored; commands answered; due cases escalated."""

"""What is said, and how it travels: messages, events and the bus."""

"""What a user would write without this project."""

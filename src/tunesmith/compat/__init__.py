"""What other tools' users bring along, turned into recipes."""

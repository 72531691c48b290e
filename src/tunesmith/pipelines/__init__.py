"""The verbs. Only here is a whole recipe seen."""

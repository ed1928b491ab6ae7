"""The workspace: the `.roar` directory beside `.git`, its settings, and the state of the repository."""

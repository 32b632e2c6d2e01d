"""How a command starts: Hydra applications, their errors in one sentence, and pipelines of commands."""

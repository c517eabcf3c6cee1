"""The evaluation of the default model, `make evaluation`: what a sceptic would ask for, from one command.

`captures` scores every public capture as a user would; `scorers` are models and the simple rules
beside them, all through the same splits of `held_out`; `checks` looks for what would make the
numbers a lie; `tables` tells it in Markdown.  Every row says what was simulated and what recorded.
"""

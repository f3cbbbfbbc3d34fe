"""What exists: the nouns of Keyhouse and the rules that hold for them everywhere.

Standard library only, no I/O, no clock: whoever needs the time passes it in.
"""

"""Other programs' settings read into ours: Postfix as a relay, and sasl-xoauth2.

In      a folder or file as the other program has it, and what it does not know (which account)
Out     a draft of tables for kairan.toml, and every setting that has no counterpart, by name
Keeps   what was set: a default of the other program that was not changed is ours afterwards
Never   writes a secret into the draft, runs the other program, or changes its files
Limits  files of 16 MiB, which no such file reaches
"""

"""One module a rule file, by its name: what shows that the file, and each of its rules, does something.

NEEDS     a `Case`, or the name of one of `test_cases`, that fails without the file.
PROGRAMS  for rules that change nothing alone (others need what they make): a program that comes out
          otherwise without the rule, and its arguments.
"""

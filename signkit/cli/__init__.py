"""The command line: parse, call one function, show the result, map the error to an exit code.

It decides words and wording, and puts the other rooms together. It must not decide anything that
a program using signkit as a library would need. `output` alone prints.
"""

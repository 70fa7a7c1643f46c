"""Cannot start: a traceback and exit code 1."""
from plugin import greet

greet()
raise KeyError("host")

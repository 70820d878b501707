"""The only code that workflows call to reach the outside and the record.

Packages by domain; ``core`` has the attempt log. ``registry`` builds all of it from the settings.
"""

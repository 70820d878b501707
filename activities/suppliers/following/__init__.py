"""Following what suppliers say afterwards: rounds over what is due, and the way into the workflow.

The inbox (``activities.inbox.suppliers``) is the other way in.
"""

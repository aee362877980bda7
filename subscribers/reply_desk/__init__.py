"""The reply desk: which readers' texts people read there, how they are found, answered, and told of.

- sorting: which texts are for people to read, and what provoked them.
- finding: the groups and pages of the desk.
- answering: one reader, or each in a group.
- digests: what is unread, told by e-mail and webhook.
"""

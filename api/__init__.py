"""REST: every request of the Compute API enters here. It is checked, its effect on the records is made in one
transaction, the first message is sent, and it is answered; the work itself is done by the other services.
"""

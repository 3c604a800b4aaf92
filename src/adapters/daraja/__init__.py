"""
Safaricom's M-Pesa by its API, Daraja: STK push, STK query, Transaction Status, callbacks.

Facts about it: its portal (developer.safaricom.co.ke/apis), and where that is silent, what is seen in the field.
"""

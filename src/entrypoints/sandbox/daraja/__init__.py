"""
A stand-in for Safaricom's Daraja: M-Pesa over real HTTP, with a durable ledger of whose money moved.

It answers as the real gateway is known to answer, well and badly; what a customer does is steered by the last four
digits of the phone (`subscribers.py`). It shares no code with the service, so it cannot share its mistakes.
"""

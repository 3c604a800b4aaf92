"""
A stand-in for Stripe: API version 2026-10-28.endive over real HTTP, as far as taking payments needs it.

`errors` and `forms` are its language, `cards` and `money` its tables, `store` its memory, `api` the way in; the
endpoints stand in a file for each resource. Disputes will be a resource of their own beside `charges`.
"""

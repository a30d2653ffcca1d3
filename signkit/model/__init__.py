"""What is spoken about: requests, responses, plans and keys as frozen values.

It decides which fields a thing has. It must not read or write, know an encoding, or ask for the
time.
"""

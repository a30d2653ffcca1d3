"""The registry as seen from outside: its protocol over HTTP, with limits and retries.

It decides how to ask and when to ask again. It must not decide what to upload or attach, and it
must not touch a private key. `client.http` alone knows the HTTP library.
"""

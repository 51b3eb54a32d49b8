LISTEN outlast

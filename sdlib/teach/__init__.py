"""Teaching tools: predict, exercise, quiz, goals, progress and the panel, one module each.

Nothing is imported here. A tool is called like its module, so take it from there:
`from sdlib.teach.predict import predict`.
"""

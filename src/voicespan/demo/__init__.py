"""A call you can watch: a real Pipecat agent, a caller from recordings, its turns on screen."""

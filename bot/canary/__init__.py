"""The canary: what is sent to ourselves now and then, to know that what others send would arrive."""

"""The fast paths: the same numbers as the textbook forms in the files of `ops/`, sooner and in less memory.

Read the textbook form first; each file says where it is. What is here knows the machine: blocks that fit the cache, buffers
that are written in place, channels-last memory, threads that share a batch. A kernel works on arrays and records nothing.
What `ops/` imports from here is the kernel of an op beside its textbook form, and the tests hold the two equal.
"""

"""The Image API v2, below /image: the same images that servers are made from and that are made of servers, under the
names that clients of the image service know. What is uploaded is measured; small contents are kept too.
"""

"""Revisions as a tree of immutable blobs, as in git: values, buckets of them, and a root for each revision.

Pure: what is read and written, and where, is others' business.
"""

"""Attribution: what in an image spoke for an answer, computed by our own code; tests hold it against
captum.

`problem` says what is explained, `methods` is the table of computations (one function a method, in
modules by family), `lens` and `support` answer pages. Trust lenses use `problem` and `methods` for
many images at once.
"""

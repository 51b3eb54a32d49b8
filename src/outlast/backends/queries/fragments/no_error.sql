error = NULL,
error_code = NULL,
reference = NULL,
exception = ''

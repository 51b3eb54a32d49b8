status IN ('pending', 'processing')

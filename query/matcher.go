package query

type matcher = any

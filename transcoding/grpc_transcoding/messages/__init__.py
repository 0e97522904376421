"""Between HTTP and protobuf messages: fields, query, body, reply, masks."""

// A Node that waits for its work.
process.on('message', (message) => process.send(message));

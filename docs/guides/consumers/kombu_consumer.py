"""Print every order that is placed, through a queue of one's own.  See ../consumers.md."""

import os

from kombu import Connection, Exchange, Queue

exchange = Exchange("commerce.events", "topic")
orders = Queue("packing.orders", exchange, "order_placed")
with Connection(os.environ["AMQP_URI"]) as broker, broker.SimpleQueue(orders) as queue:
    while True:
        message = queue.get()
        event, order = message.headers, message.payload
        print(event["tenant"], event["ce-id"], order["order_id"], flush=True)
        message.ack()

"""The raw price of a message and of a transaction in the same run: what a cycle's cost is compared with.

Machines differ and are shared; a ratio to what the same broker and database do at the same time is worth more than
a number of milliseconds.
"""

import time

import kombu
import meter
import sqlalchemy

MESSAGES, TRANSACTIONS = 2000, 500
PAYLOAD = "x" * 4096


def message_ms(bus, pids):
    """CPU milliseconds of one message, published and consumed by plain kombu: client and broker together.

    :param pids: function that returns the broker's processes
    """
    with kombu.Connection(bus.replace("rabbit://", "amqp://")) as connection:
        queue = kombu.Queue("bench", channel=connection.channel(), auto_delete=True, durable=False)
        queue.declare()
        left = MESSAGES

        def take(_body, message):
            nonlocal left
            message.ack()
            left -= 1

        began, broker = time.process_time(), meter.cpu_ms(pids())
        with connection.Consumer(queue, callbacks=[take]):
            producer = connection.Producer()
            for _ in range(MESSAGES):
                producer.publish(PAYLOAD, routing_key="bench", delivery_mode=1)
            while left:
                connection.drain_events(timeout=10)
        return _each(began, broker, pids, MESSAGES)


def transaction_ms(database, pids):
    """CPU milliseconds of one transaction of an UPDATE and an INSERT by plain SQL: client and server together.

    :param pids: function that returns the database's processes; none for SQLite
    """
    engine = sqlalchemy.create_engine(database)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE bench (id INTEGER PRIMARY KEY, state VARCHAR(20))")
        connection.exec_driver_sql("INSERT INTO bench VALUES (0, 'a')")
    began, server = time.process_time(), meter.cpu_ms(pids())
    with engine.connect() as connection:
        for number in range(1, TRANSACTIONS + 1):
            with connection.begin():
                connection.exec_driver_sql("UPDATE bench SET state = 'b' WHERE id = 0")
                connection.exec_driver_sql(f"INSERT INTO bench VALUES ({number}, 'a')")
    spent = _each(began, server, pids, TRANSACTIONS)
    engine.dispose()
    return spent


def _each(began, others, pids, count):
    return ((time.process_time() - began) * 1000 + meter.cpu_ms(pids()) - others) / count

"""The two programs of the lab of lesson 7: a website with few threads, and the payment service that it calls.

    clients --HTTP--> website: one thread accepts, `threads` threads answer --HTTP--> payment, which takes `payment_s`

A thread has a request from its first work to its answer, also while it waits for payment. What comes meanwhile waits
in a queue. Every `PAYMENT_EVERY`th request is a payment; the others need no more than the website itself. Where payment
has not answered within `timeout_s`, the website answers 504 (gateway timeout).

Run as `python -m sdlib.labs.threads '{"serves": "website" or "payment", "port": ..., ...}'`.
"""

import http.client
import json
import queue
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingTCPServer
from urllib.parse import parse_qs, urlsplit

ITEMS = 10_000              # as the load generator expects it
PAYMENT_EVERY = 5
GATEWAY_TIMEOUT = 504


def is_payment(number):
    return number % PAYMENT_EVERY == PAYMENT_EVERY - 1


class Page(BaseHTTPRequestHandler):
    """One request at the website, in one of its threads."""

    def do_POST(self):
        plan, arrived, began = self.server.plan, self.server.own.arrived, time.monotonic()
        number = int(parse_qs(urlsplit(self.path).query)["number"][0])
        time.sleep(plan["service_ms"] / 1000)
        in_time = not is_payment(number) or paid(plan)
        ended = time.monotonic()
        self.server.count(ended - arrived)
        self.reply(200 if in_time else GATEWAY_TIMEOUT, [number % ITEMS],
                   {"X-Drawn-Ms": plan["service_ms"], "X-Service-Ms": 1000 * (ended - began),
                    "X-Waited-Ms": 1000 * (began - arrived)})

    def do_GET(self):
        self.reply(200, {"request_seconds": self.server.request_seconds, "finished": self.server.finished}, {})

    def reply(self, status, told, headers):
        body = json.dumps(told).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": len(body), **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *message):
        """The log is for what goes wrong."""


def paid(plan):
    """Call payment, as patiently as the plan says; whether it answered in time."""
    payment = http.client.HTTPConnection("127.0.0.1", plan["payment_port"], timeout=plan["timeout_s"])
    try:
        payment.request("POST", "/")
        return payment.getresponse().status == 200
    except TimeoutError:
        return False
    finally:
        payment.close()


class Website(TCPServer):
    """Accepts in one thread, answers in a fixed number of others."""

    allow_reuse_address = allow_reuse_port = True
    request_queue_size = 1024

    def __init__(self, plan):
        self.plan, self.waiting, self.own = plan, queue.SimpleQueue(), threading.local()
        self.request_seconds, self.finished, self.counting = 0.0, 0, threading.Lock()
        super().__init__(("127.0.0.1", plan["port"]), Page)
        for _ in range(plan["threads"]):
            threading.Thread(target=self.answer, daemon=True).start()

    def process_request(self, connection, address):
        self.waiting.put((connection, address, time.monotonic()))

    def answer(self):
        """One thread: the request that has waited longest, to its end; then the next."""
        while True:
            connection, address, self.own.arrived = self.waiting.get()
            try:
                self.finish_request(connection, address)
            except ConnectionError:
                print("a client had left", flush=True)
            self.shutdown_request(connection)

    def count(self, seconds):
        with self.counting:
            self.request_seconds += seconds
            self.finished += 1


class Slow(BaseHTTPRequestHandler):
    """One payment."""

    def do_POST(self):
        time.sleep(self.server.plan["payment_s"])
        try:
            self.send_response(200)
            self.end_headers()
        except ConnectionError:
            print("the caller had left", flush=True)

    log_message = Page.log_message


class Payment(ThreadingTCPServer):
    """A thread for each call: it is slow, and never full."""

    allow_reuse_address = allow_reuse_port = daemon_threads = True
    request_queue_size = 1024

    def __init__(self, plan):
        self.plan = plan
        super().__init__(("127.0.0.1", plan["payment_port"]), Slow)


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    {"website": Website, "payment": Payment}[given["serves"]](given).serve_forever()

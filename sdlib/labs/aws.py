"""The cloud of the labs of lessons 11 to 13: moto's server, which speaks the API of SQS and SNS on 127.0.0.1.

Run as `python -m sdlib.labs.aws PORT`. Its cost grows with the depth of a queue: keep below 200 messages.
"""

import logging
import os
import statistics
import sys

from sdlib.labs.door import open_door

REGION = "ap-south-1"                    # Mumbai, where the course's shop stands
LOOKS = 5                                # at a queue, to count what it holds


def client(service, port):
    """A boto3 client of that server ("sqs", "sns"). What this machine has set up for the real AWS is not read."""
    from boto3 import Session
    from botocore.config import Config
    from botocore.session import Session as Settings
    unset = {"profile": (None, None, None, None), "config_file": (None, None, os.devnull, None),
             "credentials_file": (None, None, os.devnull, None)}
    session = Session("lab", "no secret", region_name=REGION, botocore_session=Settings(session_vars=unset))
    config = Config(proxies={}, retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20)
    return session.client(service, endpoint_url=f"http://127.0.0.1:{port}", config=config)


def start(stage):
    """Start the server on a `Stage`; its process and port. It does not listen yet."""
    port = stage.reserve_port()
    return stage.start([sys.executable, "-m", "sdlib.labs.aws", port], log="aws.log"), port


def new_queue(sqs, name, hidden_s=30, **attributes):
    """Make a queue; its URL. hidden_s: for how long a message is not shown again after a worker received it."""
    given = {"VisibilityTimeout": str(hidden_s)} | attributes
    return sqs.create_queue(QueueName=name, Attributes=given)["QueueUrl"]


def arn(sqs, queue):
    """The name under which others (a topic, another queue) know a queue."""
    return sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def depth(sqs, queue):
    """How many messages a queue holds: those that wait and those that a worker has.

    A message that is shown again between the two counts is missed by one answer, so the most common of several counts.
    """
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answers = [sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"] for _ in range(LOOKS)]
    return statistics.mode(sum(int(told[name]) for name in names) for told in answers)


def send_numbers(sqs, queue, numbers):
    """Send a message for each number, ten in a call, which is the most that SQS takes."""
    for first in range(0, len(numbers), 10):
        entries = [{"Id": str(number), "MessageBody": str(number)} for number in numbers[first:first + 10]]
        sqs.send_message_batch(QueueUrl=queue, Entries=entries)


def receive_all(sqs, queue):
    """Receive and delete all that a queue shows; the numbers in the messages, in the order of arrival."""
    numbers = []
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
        numbers += [int(message["Body"]) for message in messages]
        entries = [{"Id": str(place), "ReceiptHandle": message["ReceiptHandle"]}
                   for place, message in enumerate(messages)]
        sqs.delete_message_batch(QueueUrl=queue, Entries=entries)
    return numbers


def serve(port):
    """Serve until the end of the process."""
    from moto.moto_server.werkzeug_app import create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    WSGIRequestHandler.protocol_version = "HTTP/1.1"         # one connection for many calls
    door = open_door(port)
    door.listen(128)
    make_server("127.0.0.1", port, by_service({name: create_backend_app(name) for name in ("sqs", "sns")}),
                threaded=True, fd=door.fileno()).serve_forever()


def by_service(apps):
    """Hand each call to its service, which its signature names; moto's own way looks for it on disk at each call."""
    def app(environ, start_response):
        credential = environ["HTTP_AUTHORIZATION"].partition("Credential=")[2]     # key/date/region/service/...
        return apps[credential.split("/")[3]](environ, start_response)
    return app


if __name__ == "__main__":
    serve(int(sys.argv[1]))

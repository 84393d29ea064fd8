"""Figures with one look, an alt text each, readable in light and dark pages."""

from sdlib.charts.balancing import mean_wait_ms, wait_by_policy, waits_by_policy
from sdlib.charts.bigger import prices, users_against_cores
from sdlib.charts.checkout import checkout_against_mail
from sdlib.charts.diagram import diagram
from sdlib.charts.distance import latency_by_distance
from sdlib.charts.distribution import latency_distribution
from sdlib.charts.downtime import lost_by_hour
from sdlib.charts.edges import how_warm_each_edge_is
from sdlib.charts.erlang import erlang_curve
from sdlib.charts.fanned import what_each_got
from sdlib.charts.formula import formula_and_runs
from sdlib.charts.fullest import fullest_parts
from sdlib.charts.hits import hits_against_room
from sdlib.charts.horizontal import answered_while_one_is_down
from sdlib.charts.in_front import left_for_the_servers
from sdlib.charts.in_memory import mails_in_memory, memory_over_time
from sdlib.charts.latency import latency_against_utilization
from sdlib.charts.layers import path_of_a_request
from sdlib.charts.parts import answered_against_users, where_the_time_goes
from sdlib.charts.senders import who_got_what
from sdlib.charts.still import settings_table, still
from sdlib.charts.theme import Plot
from sdlib.charts.threads import threads_held
from sdlib.charts.timeline import outages, timeline
from sdlib.charts.told import how_far_told
from sdlib.charts.waiting_mail import messages_over_time
from sdlib.charts.world_map import world_map

__all__ = ["Plot", "answered_against_users", "answered_while_one_is_down", "checkout_against_mail", "diagram",
           "erlang_curve", "formula_and_runs", "fullest_parts", "hits_against_room", "how_far_told",
           "how_warm_each_edge_is", "latency_against_utilization", "latency_by_distance", "latency_distribution",
           "left_for_the_servers", "lost_by_hour", "mails_in_memory", "mean_wait_ms", "memory_over_time",
           "messages_over_time", "outages", "path_of_a_request", "prices", "settings_table", "still", "threads_held",
           "timeline", "users_against_cores", "wait_by_policy", "waits_by_policy", "what_each_got",
           "where_the_time_goes", "who_got_what", "world_map"]

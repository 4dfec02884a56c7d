"""What codecs of many venues need: sequence numbers, order books, subscriptions."""

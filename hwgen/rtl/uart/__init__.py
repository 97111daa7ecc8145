"""Serial shell: UART, packets and a core between them."""

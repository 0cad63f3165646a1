"""How certificates show themselves: card, QR code."""

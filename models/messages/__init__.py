"""What people are told: mails and texts, written with what they are about and sent later."""

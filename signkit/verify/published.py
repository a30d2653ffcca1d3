"""Ed25519 keys whose private halves are published: whoever enrolled one would trust everybody.

A list, nothing else. Where each comes from: docs/formats/ed25519.md section 3; what makes the list:
tests/support/published_keys.py.
"""

from __future__ import annotations

PREFIX_SIZE = 6
"""Bytes of a keyid that stand in the list: 48 bits, so that no honest key is there by chance."""

PUBLISHED = """
+SFtJbmU +TLCsBWE +paI6cta //AjKwxD /iJtryo4 0U77Ku20 0cUfNJCW 0uqKhMFl 1AUS/Ra4 1NC7JWbY 1bVXeDje
1hg5Hu3e 1w/9pcuJ 2bHnDyqm 2rgv2EV7 2sBz4BI7 3DwFMjzN 3LT7VMmR 3WssH6ny 3gO9STUs 3uLrITjt 4LAM4aJg
4o548iBz 4yZIot2u 50TAeRMg 5F3LDcSO 5eT7xKaj 67MH3ERe 6zrZws7M 7nT4tGQp 8mZDbbQl 9G9+8jfc 9Kzgnepc
9cK+6pm/ A4hdgFBJ ABmWweZT ADsxEZH1 B/YHLN6F B9KL7u4z BLjwS8ze BXCAbx8Z BztFvL0f C/FXNTAo CD1cExTJ
CqUsEJNE CyqJhnRS D1XOwZni DebfO5t0 E545QOZL ENJ2esiN EfXjp2mc FSJC8kZ1 FcDe/9MI Fki7t8oc G16I1mwc
GR0qwLB7 GW5HD8s1 GdkCJV6T H1OT8dKf HDBj3/el HVkjE1HK HuWIgp/Z IGDO4hm2 IPjVIDFQ If4x36FU IvWUsK+E
J7jem7SA JLRXBnuz KLHzAIPb KUgvHC8H KhdoOWp2 KqM854O2 LEceXVD4 MeYQxlMV MiFbvU67 NFCL3p7p Nzmji6yj
ORqovGh7 OfcT0KZE P/ViI/ei PGFC0/11 Pa1TONW7 PeDfLduS QL7nGWEe QW2xHYfG Qpea+lfx RNS3rxOY ST9NVZKZ
Sjm74RM8 T9ccOLS6 TAdQJQyd TCCg2fdE UTKiqN8V UnkjXLXS UyNMkfGN VfuLsUFd Vkdap1Rj W9K6X1Su WCUAv3D7
WGyYmD/+ WaeeP4kR Wez3gQFG WzIY8ay+ X5skfipl XAVnyTtu XAp+KAUO XS7T5Pea Xel9sbFM Xp1UnTt3 XuO9aK9g
YDZtAzRM YmS7JgJ2 YnhqaGFU Z2gtbvvE Z3bGwdcW Z916p2Yp ZORndhaJ ZbYGc9bt Zs+c4Sca a+aRkodG ad25dobR
b/3nXbLa bGKb6q+y babsRPgj beSleUnO bfCYhWRy bhKGANaJ c4ETSt6K cTfePhmJ ck9hGmez d37a7gC3 dEvrRmbo
da/dph+K daRxbnij dlogNXP0 dtOmk21n dxuLdH8M eNfHdrHB ePezgeWg eT2651vl ebeFaejV ez4Fm1hl fJZrgQtf
fb52zb3H fm0GRruj fqFqM1im gSDpPEjy gdRiC/PQ gnPooYLs hS7EV9/9 hSm6yWqc hnET6cf3 i10HlXK7 jDwXRTQu
jRIo2ffA jlneJZ7P jty8q5Ww jw/Y5kgy k+XIxlP1 k/JO2bWn k1UUJvGo kThMQR5a l4grD1RE lLKpgWmR lX1UnHPj
le23DtXi m8Olweah meqCU0US mu9w5wpR nEf1Flnt nyXzuQHf o1obWUSI oZQrf8ok or1SujCW pSFFrt0E poHWVT+p
poTxUN6N q3sh5Xhd q6aykXCT qIakMp0l qdRJPS+j r4BMkSgZ r4IpWPLX r5rB/OOD rHJ7uM3L rk4NPnIv rkh/d2SU
sEqqvrrf slsOhqyM snpvf9Ir ssQLXfYs tQVhCnay tRo7r1ck tn2ccR5w uPtu0dQv uV8CnMeA uhoqRgHs uoIjnyS/
v0HDqIus v0qqLWrS vRamgPDY vcXmY5RT wHupku6x wZfJE9cZ wqZPDAb3 wyB+BaS5 x2YvV/Ch xkjSeEkY xzdUD4qN
y3JnvBqq yKWj350v yajisLe+ ymT5tGZ9 zSIjnjLN
"""
"""The keyids, each as base64 of its first bytes."""

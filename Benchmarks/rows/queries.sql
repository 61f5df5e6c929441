-- SPDX-License-Identifier: GPL-3.0-only
-- An in-memory database: inserts, an index, joins, groups, a window, recursive queries.
CREATE TABLE item(id INTEGER PRIMARY KEY, kind INTEGER, price INTEGER, name TEXT);
CREATE TABLE sale(id INTEGER PRIMARY KEY, item INTEGER, buyer INTEGER, count INTEGER);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
INSERT INTO item SELECT i, i * 7919 % 97, i * 104729 % 10007, 'item ' || (i * 31 % 20011) FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120000)
INSERT INTO sale SELECT i, i * 48271 % 20000 + 1, i * 69621 % 1009, i % 13 + 1 FROM n;
CREATE INDEX byBuyer ON sale(buyer, item);
SELECT kind, count(*), sum(price * count), max(name) FROM sale JOIN item ON item.id = sale.item
  GROUP BY kind ORDER BY 3 DESC LIMIT 5;
SELECT buyer, count(DISTINCT kind), total(price) FROM sale JOIN item ON item.id = sale.item
  WHERE buyer % 5 = 0 GROUP BY buyer HAVING count(*) > 100 ORDER BY 2, 1 LIMIT 5;
SELECT name, price FROM item WHERE name LIKE '%99%' ORDER BY price DESC, name LIMIT 5;
SELECT count(*) FROM sale a JOIN sale b ON a.buyer = b.buyer AND a.item = b.item AND a.id < b.id;
SELECT max(running) FROM (SELECT sum(count) OVER (PARTITION BY buyer ORDER BY id) AS running FROM sale);
WITH RECURSIVE fib(n, a, b) AS (SELECT 0, 0, 1 UNION ALL
  SELECT n + 1, b, (a + b) % 1000000007 FROM fib WHERE n < 200000) SELECT a FROM fib WHERE n = 200000;
UPDATE item SET price = price + (SELECT count(*) FROM sale WHERE buyer = item.id % 1009);
SELECT sum(price) FROM item;

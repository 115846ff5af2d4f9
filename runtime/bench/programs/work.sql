-- Two tables in memory, indices, joins, groups, windows, text and JSON.
create table item(id integer primary key, name text, place integer);
create table mark(item integer, day integer, note text);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 60000)
insert into item select i, 'text ' || (i * 7919 % 10007), i % 251 from n;
with recursive n(i) as (select 1 union all select i + 1 from n where i < 150000)
insert into mark select 1 + i * 31 % 60000, i % 365, substr('abcdefghijklmnopqrstuvwxyz', i % 26, 5 + i % 11) from n;
create index by_name on item(name, place);
create index by_item on mark(item, day);
select place, count(*), min(name), sum(length(note))
from item join mark on mark.item = item.id group by place order by place;
select name, place, rank() over (partition by place order by name, id) as r
from item order by place, r, id limit 400;
select day, length(group_concat(note)), length(json_group_array(json_object('item', item, 'note', note)))
from (select * from mark order by item, day, note) group by day order by day;
update item set name = upper(name) || '!' where id % 3 = 0;
delete from mark where day % 7 = 0;
select count(*), sum(length(name)) from item where name like '%!%';
select count(*), count(distinct note) from mark;
pragma integrity_check;

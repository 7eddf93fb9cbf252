#!/bin/sh
# Makes the certificates that tests use, anew. They are good for a hundred years, and nobody trusts them.
set -eu
cd "$(dirname "$0")"
DAYS=36500

key_ec() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null ||
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }

# sign NAME SUBJECT ISSUER EXTENSIONS...
sign() {
    name=$1 subject=$2 issuer=$3
    shift 3
    printf '%s\n' "$@" >extensions
    openssl req -new -key "$name.key" -subj "/CN=$subject" -out request
    openssl x509 -req -in request -CA "$issuer.pem" -CAkey "$issuer.key" -set_serial "0x$(openssl rand -hex 8)" \
        -days "$DAYS" -extfile extensions -out "$name.pem"
    rm -f request extensions
}

key_ec authority.key
openssl req -x509 -new -key authority.key -subj "/CN=Penstock tests" -days "$DAYS" \
    -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign" -out authority.pem

key_ec shop.key
sign shop shop.test authority "subjectAltName=DNS:shop.test,DNS:*.shop.test"
key_ec renewed.key
sign renewed shop.test authority "subjectAltName=DNS:shop.test,DNS:*.shop.test"
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out other.key 2>/dev/null
sign other other.test authority "subjectAltName=DNS:Other.test,DNS:cdn.other.test"

# Its time was one day of 2020.
key_ec expired.key
: >index.txt
echo 01 >serial
cat >authority.conf <<'CONF'
[ca]
default_ca = tests
[tests]
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
[any]
commonName = supplied
CONF
openssl req -new -key expired.key -subj "/CN=expired.test" -out request
echo "subjectAltName=DNS:expired.test" >extensions
openssl ca -batch -config authority.conf -cert authority.pem -keyfile authority.key -in request -notext \
    -startdate 20200101000000Z -enddate 20200102000000Z -extfile extensions -out expired.pem 2>/dev/null
rm -f request extensions authority.conf index.txt* serial* 01.pem

openssl pkey -in shop.key -aes256 -passout pass:word -out encrypted.key
rm -f ./*.srl
